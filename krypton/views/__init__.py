"""Operating the views: rebuild, diff, check, promotion, lag and dead letters."""
