/**
 * Words that are not used here, each with the word to use instead and the places where it may
 * stand. `eslint.words.js` holds the list against code and pages.
 *
 * Places: `name` (identifiers, keys and names of files, by their parts), `value` (strings without a
 * space), `text` (strings, templates and JSX that people read), `comment`, `docs` (.md, .yaml,
 * .prisma, .env.example). SQL, class names and code inside backticks are never looked at, so the
 * database's own column names need no exception. `allow` lists what is right all the same: names of
 * columns, of jobs and of the outside world.
 */

/**
 * `part` is compared with each part of a name (`mostPerPass` has most, per, pass); `name` and
 * `value` with the whole of it; `prose` with sentences. `in` narrows the places, `files` the files.
 */
export const words = [
  { name: /^(most|least)(?=[A-Z])/, use: 'max or min' },
  { part: /^words$/, prose: /\b(in|with|into|has|have) words\b/i, use: 'message, label, text' },
  {
    part: /^troubles?$/,
    prose: /\btroubles?\b/i,
    use: 'error or failure',
    allow: /^upstreamTrouble$/,
  },
  { part: /^standings?$/, use: 'snapshot, state or context' },
  { part: /^verdicts?$/, prose: /\bverdicts?\b/i, use: 'severity or result' },
  {
    name: /^settle(Job|Attempt|Mint|Run|Error|Item)/,
    use: 'finish or resolve: only money settles',
  },
  { name: /mintOwner/i, use: 'holder' },
  { name: /^putOff/, prose: /\b(puts?|putting) (\w+ )?off\b/i, use: 'snooze, snoozed' },
  { prose: /\bre-issu/i, name: /^reissue/i, use: 'replace (on pages), rotate (for providers)' },
  {
    name: /^switch(es|ed)?Off/,
    prose:
      /(?<!\b(the|a|this|its) )\bswitch(es|ed|ing)?( \w+| (an?|the|this|that|its|my|your) [\w ]{1,20})? off\b/i,
    use: 'disable',
  },
  { prose: /\b(taken?|takes|taking) (\w+ )?out of use\b/i, use: 'disable' },
  { prose: /\b(hang|hangs|hanging|hung) on\b/i, use: 'assigned to, depends on' },
  {
    part: /^attach(es|ed|ing)?$/,
    prose: /\battach(es|ed|ing)?\b/i,
    use: 'assign',
    allow: /^(guardrailAttachedAt|attachments?)$/,
    allowProse: /mpg attach/,
  },
  { prose: /\bbind(s|ing)?\b/i, in: ['text', 'docs'], use: 'assign; “unbound” stays' },
  { part: /^moot$/, prose: /\bmoot\b/i, use: 'obsolete' },
  { name: /^(fix|fixes|applyFix|fixable)$/, use: 'repair, apply' },
  { name: /^again$/, use: 'retry, second' },
  { part: /^tidy$|^tidies$/, prose: /\btid(y|ies|ied|ying)\b/i, use: 'retention, cleanup' },
  { part: /^figures?$/, prose: /\bfigures?\b/i, use: 'counter, number, data' },
  { part: /^doors?$/, prose: /\bdoors?\b/i, use: 'workshop, page, endpoint, readiness' },
  { part: /^(die|dice)$/, prose: /\b(the|a) die\b|\bdice\b/i, use: 'rng' },
  { part: /^plant(s|ed)?$/, prose: /\bplant(s|ed|ing)?\b/i, use: 'seed' },
  { part: /^(brick|amber)$/, value: /^(brick|amber)$/, use: 'ok, warning or error' },
  { part: /^patients?$/, use: 'deployment under test' },
  { name: /roomsOf|^rooms?$/, files: /^(?!eslint\.rooms)/, use: 'workshop' },
  {
    prose: /\brooms?\b/i,
    in: ['text'],
    files: /^(?!eslint\.rooms)/,
    use: 'workshop or event',
    allowProse:
      /title: [\w -]*\broom|\b(room (helium|hosts|\d+|for)|makes? room|(tutorial|no) room)\b/i,
  },
  {
    prose:
      /\b(an?|one|the|full|whole) rooms? (of (people|\d+)|is let in|asks?|full of|opens|needs)\b/i,
    in: ['comment', 'docs'],
    use: 'workshop or event',
  },
  {
    prose: /\b(before|for|to|tell|let) (a|the|each) rooms?(?! below| above| that)\b/i,
    in: ['comment', 'docs'],
    use: 'workshop or event',
  },
  {
    name: /^(Hands|hands)$/,
    prose: /\bin (its|hand|their) hands?\b|\ba hand inside\b/i,
    use: 'held',
  },
  { name: /^pass(On|ServicesOn)$/, use: 'forward' },
  { name: /^(claimNow|claimAs|makeClaim)$/, use: 'claim, insertClaim' },
  { name: /^(Given|Asked|said)$/, use: 'Input, Query' },
  { name: /teamBench/i, use: 'team fixture' },
  { name: /plantClaims/, use: 'seedClaims' },
  { prose: /\bstr(uck|ikes?|iking)\b/i, use: 'make (a key), apply (a fault)' },
  {
    prose: /\bmint(s|ed|ing)?\b/i,
    in: ['text'],
    files:
      /^app\/(components\/(base|claim|team)\/|routes\/(w\.|t\.|me|_index|docs|sign)|web\/(claim|team|key|store))/,
    use: 'make a key; “mint” is a word for staff',
  },
]

/** Turns of phrase. They are looked for in sentences of every kind. */
export const phrases = [
  [
    /\b(try|tries|tried|sent|sends?|read|made|done|retried) again by (itself|themselves)\b/i,
    'retrying automatically',
  ],
  [/\b(goes|go|going) on by (itself|themselves)\b/i, 'continues automatically'],
  [/\ball the same\b/i, 'anyway, or say what holds'],
  [/\ba pity\b/i, 'acceptable'],
  [/\bwritten down\b/i, 'saved, recorded'],
  [
    /\b(at|for|of|on) (the|each|every|a) press\b|\bby a press\b|\badmins press\b/i,
    'on request, click, select',
  ],
  [/\ba nudge\b/i, 'a hint'],
  [/\b(only|just) news\b|\bnews of\b/i, 'advisory, updates'],
  [/\b(is|has) the last word\b/i, 'decides'],
  [/\bworker['’]s pen\b/i, 'records'],
  [/\bgravest\b/i, 'most severe'],
  [/\bfull house\b/i, 'all seats taken'],
  [/\b(is|are|being|be) put away\b/i, 'removed'],
  [/\bdead on arrival\b/i, 'expires at once'],
  [/\bleads home\b/i, 'opens the same account'],
  [/\blook(s|ing)? after\b/i, 'keep, check, apply'],
  [/\b(bring|brings|brought) (\S+ ){1,4}in line\b/i, 'apply'],
  [/\bask(s|ed)? (the|our) doctor\b/i, 'run the readiness check'],
  [/\bplays the time\b/i, 'sets the clock'],
  [/\bno key opens\b/i, 'no key can decrypt'],
  [/\b(is|are) done with the subject\b/i, 'needs nothing else'],
  [/\brather than nearly\b/i, 'if in doubt'],
  [/\blast reading to come\b/i, 'final usage pending'],
  [/\bwish for a key\b/i, 'request for a key'],
  [/\bwith its holder gone\b|\bsaw the end of\b/i, 'because its member left'],
  [/\bmore than four fifths\b/i, 'over 80 %'],
  [/\beverybody cools down\b/i, 'one shared cool-down'],
  [
    /\b(it|this|that|which|what|who) (is|are) no (?!(longer|more|different|way|need|room|reason|other|such)\b)/i,
    'is not a …',
  ],
]

/** Sentences that people met and did not understand. None of them comes back. */
export const sentences = [
  ['Not struck yet', 'Being made'],
  ['Nobody is at the press', 'No worker is running.'],
  ['waits for the press', 'It continues when a worker starts.'],
  ['A worker has taken it up', 'Making your key.'],
  ['Your claim is written down', 'You’re in line.'],
  ['with a fresh try', 'Next try in 5 s'],
  ['Not known now', 'unknown while we retry'],
  ['for the whole life of the key', 'One-time budget.'],
  ['It does not start again', 'It doesn’t refill.'],
  ['Not read yet. The first reading', 'No usage yet. Updates every few minutes.'],
  ['the file then holds it', 'Includes your key'],
  ['Switch it off and give me a new one', 'Replace key'],
  ['That was too often', 'Too many requests'],
  ['so many times a minute and no more', 'Wait a minute and try again.'],
  ['no password to make up', 'No new password needed.'],
  ['that you did not agree', 'Sign-in was cancelled.'],
  ['Please sign in the other way', 'This workshop needs a GitHub account.'],
  ['your provider told us of none', 'Your email is not verified yet.'],
  ['Wait for a word from the stage', 'Paused by the organiser.'],
  ['erased or parted since', 'You already had a key for this workshop.'],
  ['you would be signed in as somebody else', 'Use the same email.'],
  ['Be forgotten', 'Delete my account'],
  ['We have forgotten you', 'Your data is deleted.'],
  ['we meet for the first time', 'Signing in again creates a new account.'],
  ['did or had done to you', 'your activity log'],
  ['This is not for you to do', 'You don’t have access to this.'],
  ['Take off', 'Disconnect'],
  ['Doors open?', 'Readiness'],
  ['Keys end', 'Expires'],
  ['As my device', 'System'],
  ['You have had a key here', 'You already had a key for this workshop.'],
  ['Look in again', 'Try again later.'],
  ['something of yours is still live', 'You still have a live key.'],
  ['News of workshops', 'Email updates'],
  ['They ask for more', 'Budget requests'],
  ['Take some back first', 'Revoke some first.'],
  ['no address that mail can be sent to', 'Enter a valid email address.'],
  ['asked whether the doors may open', 'ran the readiness check'],
  ['Stand still', 'Pause updates'],
  ['What happened here', 'Activity'],
  ['The figures', 'View data'],
  ['it has been written down', 'Reference: …'],
  ['The fault is ours, not yours', 'Something went wrong on our side.'],
  ['Yes, do it', 'the action and its number: Extend 138 keys'],
  ['Let them back in', 'Reactivate'],
  ['Attach limits again', 'Assign guardrail'],
  ['open and well', 'what is right now, in numbers'],
]
