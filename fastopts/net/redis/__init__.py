"""Redis connections: blocking, asyncio with pipelines, reconnecting, push."""
