"""What a running gateway does and tells when it is ordered to; one module per order or group of orders."""
