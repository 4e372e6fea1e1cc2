"""The inbox that every inlet shares: durable before it is answered, recorded once, resumed after kill -9."""
