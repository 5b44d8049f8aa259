"""Who calls: four ways to find out (builtin, keystone, http_basic, none), behind one `Authenticator` (base.py)."""
