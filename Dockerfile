# One image, three processes by command: node build/node/server.js | worker.js | migrate.js
# No install script is needed on either side, so none may run.
FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:26-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY prisma/migrations prisma/migrations
COPY workshops workshops
COPY --from=build /app/build build
USER node
EXPOSE 3000
CMD ["node", "build/node/server.js"]
