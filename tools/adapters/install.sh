#!/usr/bin/env bash
# Installs the gateways that are tested as adapters, LiteLLM Proxy and Portkey, into a folder:
#
#     tools/adapters/install.sh .gateways
#     . .gateways/environment
#     conformance run --adapter litellm_proxy
#
# Wants uv and npm.
set -euo pipefail
folder=$(realpath -m "$1")
mkdir -p "$folder/portkey"

uv venv --quiet --clear --seed "$folder/litellm"
install=(uv pip install --quiet --python "$folder/litellm/bin/python")
# From 1.108 on the extra names a package that is on no registry. What it needs besides is here.
"${install[@]}" 'litellm[proxy]==1.106.12' prisma
"${install[@]}" 'litellm==1.110.2' backports-zstd semver

cat >"$folder/portkey/package.json" <<'JSON'
{
  "private": true,
  "dependencies": { "@portkey-ai/gateway": "1.15.2" },
  "overrides": { "@hono/node-server": "1.13.7", "hono": "4.9.7" }
}
JSON
(cd "$folder/portkey" && npm install --silent --ignore-scripts --no-audit --no-fund)

cat >"$folder/environment" <<ENVIRONMENT
export PATH="$folder/litellm/bin:\$PATH"
export CONFORMANCE_PORTKEY="$folder/portkey/node_modules/@portkey-ai/gateway"
ENVIRONMENT
echo "now: . $folder/environment"
