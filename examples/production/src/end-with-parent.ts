// Loaded before a service by whoever starts it for this example: when that process was killed, the service ends too.
process.once('disconnect', () => process.exit(1));
process.channel?.unref();
