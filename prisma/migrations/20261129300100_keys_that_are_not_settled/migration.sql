-- A list of keys begins with those that are live or not settled, and shows the rest a page at a time.
CREATE INDEX api_keys_not_settled ON keymint.api_keys (team_id, user_id) WHERE state = 'ended' AND settled_at IS NULL;
