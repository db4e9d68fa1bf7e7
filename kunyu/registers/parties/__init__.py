"""相对人登记 Register of parties."""
