#!/bin/sh
# The quick start with curl alone, against a server that runs: ENGRAM_URL names it.
set -eu
url=${ENGRAM_URL:-http://localhost:8080}

curl -sf "$url/healthz"; echo
curl -sf -X PATCH "$url/contexts/demo" -H 'Content-Type: application/json' \
  -d '{"display_name": "Demo", "add_agents": ["agent-1"]}'; echo
curl -sf -X POST "$url/workunit" -H 'Content-Type: application/json' -H 'X-Agent-ID: agent-1' \
  -d '{"context_id": "demo", "agent_id": "agent-1", "type": "MESSAGE", "payload": "Hello, Engram!"}'; echo
curl -sf "$url/workunits/demo?limit=10&encoding=v1"; echo
curl -sf -X POST "$url/locks" -H 'Content-Type: application/json' \
  -d '{"resource_path": "/demo/file", "agent_id": "agent-1", "ttl_seconds": 30}'; echo
curl -sf "$url/locks//demo/file"; echo
curl -sf -X POST "$url/search" -H 'Content-Type: application/json' -d '{"query": "engram", "context_id": "demo"}'; echo
curl -sN --max-time 2 "$url/stream-sse?context=demo&cursor=begin&encoding=v1" || true
