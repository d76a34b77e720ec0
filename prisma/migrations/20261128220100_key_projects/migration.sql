-- What a member's key is counted under: free text, as its holder or an owner writes it.
ALTER TABLE keymint.api_keys
  ADD COLUMN project text CONSTRAINT sub_key_project CHECK (length(project) BETWEEN 1 AND 40);
