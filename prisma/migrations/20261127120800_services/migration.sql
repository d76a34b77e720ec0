-- Services that are no language models: what an owner enters beside a credential, what a member chooses for a key, and what Keymint needs to
-- hold a cap that the service does not know.
ALTER TABLE keymint.master_keys
  ADD COLUMN settings jsonb NOT NULL DEFAULT '{}' CONSTRAINT master_key_settings CHECK (jsonb_typeof(settings) = 'object');
ALTER TABLE keymint.api_keys
  ADD COLUMN options jsonb NOT NULL DEFAULT '{}' CONSTRAINT sub_key_options CHECK (jsonb_typeof(options) = 'object');
ALTER TABLE keymint.mints
  ADD COLUMN options jsonb NOT NULL DEFAULT '{}' CONSTRAINT mint_options CHECK (jsonb_typeof(options) = 'object');
ALTER TABLE keymint.keys
  ADD COLUMN meter text CONSTRAINT key_meter_short CHECK (octet_length(meter) <= 1024),
  ADD COLUMN per_hour_usd numeric(20, 9) CONSTRAINT key_per_hour CHECK (per_hour_usd >= 0),
  ADD COLUMN cap_due_at timestamptz(6);
CREATE INDEX key_cap_due ON keymint.keys (cap_due_at) WHERE cap_due_at IS NOT NULL AND off_ended_at IS NULL AND off_replaced_at IS NULL;
