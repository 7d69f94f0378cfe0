"""From event logs to models: histories are counted, and the counts make chains."""
