-- What was learned from the mail that people here have sorted (`postern learn`): mail.classifier.spam is how likely a message is
-- spam, 0 to 1. Before 200 messages of each kind were learned, and for a message that has nothing in common with them, nothing is
-- said (ready is false), and no rule here hits.
--
-- One of these rules hits at most: they are steps of one number, the surer it is the more they weigh, and `postern tune` keeps that
-- order. The surest one marks a message by itself and none refuses one, for what was learned may be wrong; a little more from
-- another rule weighs then. Likeness to wanted mail takes away less than likeness to spam adds: who writes spam may copy the words of
-- honest mail, and nobody does the reverse. Twice as many steps were measured, and a score that rises without steps: with as much
-- ham tagged they found less spam, once tuned.

-- Whatever `postern tune` makes of the scores, only the surest marks a message by itself. What leads nowhere can do little harm, and
-- of reports of mail servers nobody teaches enough: there something else must speak against it besides.
group("classifier", {
  max = 6,
  dampers = { CLASSIFIER_SPAM_99 = 5.5, CLASSIFIER_SPAM_90 = 5.5, ASKS_NOTHING = 3.5, MAIL_SYSTEM_WRITES = 3 },
})

local function shown(spam)
  -- Never more certain than it is.
  return "spam=" .. (math.floor(spam * 10000) / 10000)
end

-- From `least` on and below `most`.
local function between(mail, least, most)
  local classifier = mail.classifier
  if not classifier.ready or classifier.spam < least or classifier.spam >= most then return false end
  return true, shown(classifier.spam)
end

-- ---------------------------------------------------------------- like spam

rule "CLASSIFIER_SPAM_999" {
  about = "the message is in all respects like those that people here have sorted out as spam",
  score = 6.0,
  group = "classifier",
  when = function(mail) return between(mail, 0.999, 2) end,
  examples = {
    { hit = true, classifier = { spam = 0.9995 }, detail = "spam=0.9995" },
    { hit = true, classifier = { spam = 1 } },
    { hit = false, classifier = { spam = 0.9989 } },
    { hit = false, classifier = { spam = 0.9995, ready = false } },
    { hit = false },
  },
}

rule "CLASSIFIER_SPAM_99" {
  about = "the message is very much like those that people here have sorted out as spam",
  score = 5.5,
  group = "classifier",
  when = function(mail) return between(mail, 0.99, 0.999) end,
  examples = {
    { hit = true, classifier = { spam = 0.995 }, detail = "spam=0.995" },
    { hit = false, classifier = { spam = 0.9995 } },
    { hit = false, classifier = { spam = 0.9 } },
    { hit = false, classifier = { spam = 0.995, ready = false } },
    { hit = false },
  },
}

rule "CLASSIFIER_SPAM_90" {
  about = "the message is more like those that people here have sorted out as spam than like wanted ones",
  score = 5.0,
  group = "classifier",
  when = function(mail) return between(mail, 0.9, 0.99) end,
  examples = {
    { hit = true, classifier = { spam = 0.95 }, detail = "spam=0.95" },
    { hit = false, classifier = { spam = 0.99 } },
    { hit = false, classifier = { spam = 0.89 } },
    { hit = false, classifier = { spam = 0.95, ready = false } },
    { hit = false },
  },
}

rule "CLASSIFIER_SPAM_70" {
  about = "the message has something of those that people here have sorted out as spam",
  score = 1.5,
  group = "classifier",
  when = function(mail) return between(mail, 0.7, 0.9) end,
  examples = {
    { hit = true, classifier = { spam = 0.8 } },
    { hit = false, classifier = { spam = 0.9 } },
    { hit = false, classifier = { spam = 0.5 } },
    { hit = false, classifier = { spam = 0.8, ready = false } },
    { hit = false },
  },
}

-- ---------------------------------------------------------------- like wanted mail

rule "CLASSIFIER_HAM_90" {
  about = "the message is more like mail that is wanted here than like spam",
  score = -0.5,
  group = "classifier",
  when = function(mail) return between(mail, 0.01, 0.1) end,
  examples = {
    { hit = true, classifier = { spam = 0.05 } },
    { hit = false, classifier = { spam = 0.1 } },
    { hit = false, classifier = { spam = 0.005 } },
    { hit = false, classifier = { spam = 0.05, ready = false } },
    { hit = false },
  },
}

rule "CLASSIFIER_HAM_99" {
  about = "the message is very much like mail that is wanted here",
  score = -1.5,
  group = "classifier",
  when = function(mail) return between(mail, 0.001, 0.01) end,
  examples = {
    { hit = true, classifier = { spam = 0.005 }, detail = "spam=0.005" },
    { hit = false, classifier = { spam = 0.01 } },
    { hit = false, classifier = { spam = 0.0005 } },
    { hit = false, classifier = { spam = 0.005, ready = false } },
    { hit = false },
  },
}

rule "CLASSIFIER_HAM_999" {
  about = "the message is in all respects like mail that is wanted here",
  score = -2.5,
  group = "classifier",
  when = function(mail) return between(mail, 0, 0.001) end,
  examples = {
    { hit = true, classifier = { spam = 0.0005 } },
    { hit = true, classifier = { spam = 0 } },
    { hit = false, classifier = { spam = 0.001 } },
    { hit = false, classifier = { spam = 0.0005, ready = false } },
    { hit = false },
  },
}
