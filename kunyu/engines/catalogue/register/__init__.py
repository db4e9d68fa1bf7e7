"""The register of services: of this node and of others, from application to key, with their health. 服务目录."""
