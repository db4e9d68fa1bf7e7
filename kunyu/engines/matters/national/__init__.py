"""Messages to the national platform of government services, its adapter and simulator. 国家平台对接."""
