# The worker: `rollcall start`, or any other command. How it is used: docs/deploy.md
ARG NODE_IMAGE=node:24-slim
FROM ${NODE_IMAGE}

ENV NODE_ENV=production
WORKDIR /app

# Of the optional packages the embedded database is kept. Node 24 comes with the image: those that bring it to machines with an
# older one are not.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/node-linux-* node_modules/node-bin-* node_modules/.bin/node \
  && npm cache clean --force

COPY LICENSE ./
COPY config ./config
COPY src ./src

# `docker compose exec worker rollcall status`; the data directory belongs to the user that runs it.
RUN chmod 755 src/main.js \
  && ln -s /app/src/main.js /usr/local/bin/rollcall \
  && mkdir -p /etc/rollcall /var/lib/rollcall \
  && chown node:node /var/lib/rollcall

USER node
# rollcall.yaml stands here; paths in it are relative to it.
WORKDIR /etc/rollcall
VOLUME /var/lib/rollcall
EXPOSE 7654

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7654/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

# The flag keeps a run of a million people below 600 MB (docs/performance.md).
ENTRYPOINT ["node", "--disable-sigusr1", "--max-semi-space-size=8", "/app/src/main.js"]
CMD ["start"]
