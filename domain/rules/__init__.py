"""Rules as versioned data: matching, reference levels and dose alerts."""
