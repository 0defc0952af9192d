"""The engine: runs executions on one asyncio loop, performs their effects, keeps their journals."""
