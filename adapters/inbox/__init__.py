"""The inbox shared by all inlets: items are durable before the answer, recorded once, and resumed after kill -9."""
