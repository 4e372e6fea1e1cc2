"""The HTTP face: routes that declare what they show, and all of which pass the gate where that is somebody's data."""
