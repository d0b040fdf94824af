import { commandsOf } from '../../project/package-manager.ts';
import type { Part } from '../part.ts';
import type { Project } from '../project.ts';
import { templateFiles } from '../read-template.ts';

/** Spans of all calls for a collector of OpenTelemetry, such as Jaeger or Grafana's. */
export function otelPart({ names: { service }, packageManager }: Project): Part {
  return {
    files: templateFiles('otel'),
    dependencies: [
      '@opentelemetry/api',
      '@opentelemetry/exporter-trace-otlp-proto',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-trace-base',
    ],
    main: {
      imports: ["import { otelTracer } from './tracing.ts';"],
      options: [`tracer: otelTracer('${service}'),`],
    },
    variables: [
      {
        name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
        value: '',
        about: 'Where traces are sent, such as http://127.0.0.1:4318; nowhere when it is empty.',
      },
    ],
    readme: `## Traces

With \`OTEL_EXPORTER_OTLP_ENDPOINT\` set, a span of every call, made or served, goes to a collector of OpenTelemetry; all of its
[variables](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) count. To look at traces:

\`\`\`sh
docker run --rm -p 16686:16686 -p 4318:4318 jaegertracing/jaeger
OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 ${commandsOf(packageManager).run('dev')}
\`\`\`

Give \`ctx\` to calls that a handler makes (\`other.call(request, ctx)\`), and they belong to its trace.`,
  };
}
