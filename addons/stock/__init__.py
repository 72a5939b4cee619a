"""The gateway inside a stock mitmproxy."""
