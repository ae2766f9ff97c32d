# One small image for every role: `ingress`, `connector <name…>`, `up`, `lag`, …
ARG NODE_IMAGE=node:26-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
# What the program can reach of its packages and nothing else, SDKs for S3 and BigQuery included.
RUN npm run build && npm run image-files

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Patchbay" \
  org.opencontainers.image.description="Carries every finished VoiceInfra call to your CRM, chat and warehouse: never lost, never doubled, wired in one file." \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
# Prometheus and health checks come from outside of the container; outside of its network nobody, as long as the port is not published.
ENV PATCHBAY_OPS_HOST=all
# Load balancers and Kubernetes learn by their next look at /readyz that it leaves, and send calls until then.
ENV PATCHBAY_CLOSE_AFTER=5s
WORKDIR /app
COPY --from=build /app/image ./
# The embedded engines and a DuckDB warehouse write into data. Group 0 may too: platforms that choose a random user (OpenShift) give it that group.
RUN mkdir data && chown 1000:0 data && chmod 770 data && ln -s /app/bin/patchbay.js /usr/local/bin/patchbay
USER 1000:0
VOLUME /app/data
EXPOSE 8080 9090
# Node as PID 1 answers SIGTERM: it drains and leaves its consumer groups.
# A young generation of 8 MB: a third less memory for the ingress, at the same speed (bench/).
# An old one that is first swept at 40 MB: a connector on a backlog peaks at 131 MB, not 166 (npm run torture -- backlog).
# Without the last flag anybody who may signal the process opens a debugger in it (SIGUSR1).
ENTRYPOINT ["node", "--max-semi-space-size=8", "--initial-old-space-size=40", "--disable-sigusr1", "bin/patchbay.js"]
CMD ["--help"]
