-- How long a key that is on its way out works on beside the next one, from the moment that one is made.
ALTER TABLE keymint.keys
  ADD COLUMN grace_seconds integer CONSTRAINT key_grace_seconds CHECK (grace_seconds BETWEEN 1 AND 86400);

-- As before; and a rotation whose new key is refused goes back to the key that works on, so the next one skips a number.
CREATE OR REPLACE FUNCTION keymint.hold_sub_key_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (
    (OLD.state = NEW.state AND OLD.generation = NEW.generation)
    OR (OLD.state = 'pending' AND NEW.state IN ('ready', 'refused', 'ended') AND OLD.generation = NEW.generation)
    OR (OLD.state = 'ready' AND NEW.state = 'ended' AND OLD.generation = NEW.generation)
    -- Rotation: the same key by name and budget, anew at the provider.
    OR (OLD.state = 'ready' AND NEW.state = 'pending' AND NEW.generation > OLD.generation)
    OR (OLD.state = 'pending' AND NEW.state = 'ready' AND NEW.generation < OLD.generation)
  ) THEN
    RAISE EXCEPTION 'sub-key % may not go from % (generation %) to % (generation %)', OLD.id, OLD.state, OLD.generation, NEW.state, NEW.generation;
  END IF;
  RETURN NEW;
END $$;
