"""The control process: metrics exposition and health."""
