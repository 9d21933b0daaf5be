"""Tests: spec readable examples · rules no database · app the whole house · architecture · browser. `cast` is the fixed cast."""
