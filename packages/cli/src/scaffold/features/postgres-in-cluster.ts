/** The variable of a container that holds the password, from the Secret `<service>-postgres`. Indented as in its manifest. */
export function passwordVariable(service: string): string {
  return `            - name: PGPASSWORD
              valueFrom:
                secretKeyRef:
                  name: ${service}-postgres
                  key: password
`;
}

/** A container that brings the database up to date before the service starts; of several at once, one after the other. */
export function migrationContainer(service: string): string {
  return `      initContainers:
        - name: migrate
          image: ${service}:latest
          imagePullPolicy: IfNotPresent
          command: [node, node_modules/node-pg-migrate/bin/node-pg-migrate.js, up, --advisory-lock-mode, wait]
          envFrom:
            - configMapRef:
                name: ${service}
          env:
${passwordVariable(service)}          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              cpu: '1'
              memory: 256Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
`;
}
