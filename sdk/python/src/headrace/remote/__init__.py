"""The agent for boxes that hold the Python package alone: `headrace-engine remote`.

Supervises Python engines on this machine and carries their frames over WebSocket and TLS to a
server elsewhere, through an HTTP proxy where there is one. It does for Python engines what
`headrace worker` does for all; `docs/worker-link.md` tells the protocol. Needs the extra
`headrace[remote]`.
"""
