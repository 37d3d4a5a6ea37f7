# npm comes with the image; the Node that Engram runs on comes with `npm install`.
FROM node:22-slim AS sources
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save --ignore-scripts --no-audit --no-fund && { [ -x node_modules/.bin/node ] || npm rebuild --ignore-scripts; }
COPY . .

FROM sources AS test
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends git && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["./test.sh"]

FROM sources AS build
RUN npm run -s build && npm prune --omit=dev --ignore-scripts

FROM node:22-slim
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/bin ./bin
COPY --from=build /app/dist ./dist
COPY --from=build /app/node_modules ./node_modules
RUN mkdir data && chown node:node data
USER node
VOLUME /app/data
EXPOSE 8080
HEALTHCHECK --interval=30s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/engram.js", "serve", "--addr=0.0.0.0:8080", "--data-dir=/app/data", "--create-token"]
