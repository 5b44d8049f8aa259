"""See any Open vSwitch host: read, model, match hosts, explain, check, draw. Needs no root, server or agent."""
