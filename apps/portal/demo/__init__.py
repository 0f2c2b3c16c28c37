"""The demo: two organizations walk real models through their whole life, by the actions everybody uses."""
