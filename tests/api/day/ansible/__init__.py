"""A day with Ansible's OpenStack modules, in an environment of their own that tools/ansible.sh makes."""
