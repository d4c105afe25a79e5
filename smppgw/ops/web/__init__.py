"""The web listener: metrics for Prometheus, health and readiness for whoever runs the process.

Owns: the paths, the answers and the limits of HTTP.
Refuses to know: how the figures come about (`core.measures`), and how endpoints are opened.
"""

from smppgw.ops.web.service import Web

__all__ = ["Web"]
