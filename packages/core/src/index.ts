export type { Message } from './contract/message.ts';
