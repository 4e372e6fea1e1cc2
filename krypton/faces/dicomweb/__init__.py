"""The DICOMweb face (PS3.18): the routes by which studies are stored, found and fetched over HTTP."""
