"""Sample applications and cases of the demonstration county, made through the services like anybody's. 样例办件."""
