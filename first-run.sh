#!/bin/sh
# Makes .env for compose.yaml with new secrets. An existing one is left as it is: its ENCRYPTION_KEY opens every key.
set -eu
cd "$(dirname "$0")"
if [ -e .env ]; then
  echo '.env is already there and stays as it is. Edit it, or move it away for new secrets.' >&2
  exit 1
fi
umask 077
random() { od -An -vtx1 -N32 /dev/urandom | tr -d ' \n'; }
cat >.env <<END
# Secrets of this machine, made once. Keep ENCRYPTION_KEY in your password manager, too.
POSTGRES_PASSWORD=$(random)
SESSION_SECRET=$(random)
ENCRYPTION_KEY=$(random)
METRICS_TOKEN=$(random)

# Yours to fill in: docs/deploy.md, sections 3 to 5; .env.example describes every variable.
APP_ORIGIN=
GITHUB_CLIENT_ID=
GITHUB_CLIENT_SECRET=
GOOGLE_CLIENT_ID=
GOOGLE_CLIENT_SECRET=
OPENROUTER_MANAGEMENT_KEY=
ADMIN_EMAILS=
ADMIN_GITHUB_IDS=
# Off until the readiness check is green: docker compose exec worker node build/node/doctor.js
PROVISIONING_ENABLED=false
END
echo 'Made .env. Fill in APP_ORIGIN, the OAuth apps, OPENROUTER_MANAGEMENT_KEY and who may see the admin pages.'
