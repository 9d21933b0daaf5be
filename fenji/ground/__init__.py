"""What all rooms stand on: common, access, policy, network, tasks."""
