"""Programs of others that ask and send, which tests run: fetched once with npm by a lock that names each digest."""
