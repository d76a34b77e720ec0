# One image, every process by command: node build/node/server.js | worker.js | migrate.js | doctor.js | reconcile.js …
# No install script is needed on either side, so none may run. `npm test` carries out these lines in a clean folder.
FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:26-slim
ENV NODE_ENV=production
# For a machine of 512 MB. Half of the memory of a larger one: docker run -e NODE_OPTIONS=--max-old-space-size=…
# New objects get 4 MB in place of 16: a process then stays below 256 MB in use (docs/testing.md).
ENV NODE_OPTIONS="--max-old-space-size=256 --max-semi-space-size=4"
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional --ignore-scripts
COPY prisma/migrations prisma/migrations
COPY workshops workshops
COPY --from=build /app/build build
USER node
EXPOSE 3000
# Whichever of the two answers: a web process on PORT, a worker on METRICS_PORT. Fly has checks of its own (fly.toml).
HEALTHCHECK --interval=30s --timeout=3s --start-period=30s CMD ["node", "-e", "Promise.any([process.env.PORT || 3000, process.env.METRICS_PORT || 9091].map((port) => fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok || Promise.reject()))).catch(() => process.exit(1))"]
CMD ["node", "build/node/server.js"]
