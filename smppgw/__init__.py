"""smppgw: a durable SMPP gateway in one process."""
