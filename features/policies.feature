Feature: What runs out is said, and what was left open is looked at
  A code, a consent or an order that reaches its end gets an event of its own. An emergency access that its professional
  did not close is closed, and somebody else looks at it.

  Background:
    Given the establishments CHB and CHP are enrolled
    And Dr Arnaud works for CHP
    And CHB knows Marie

  Rule: C7, a consent and a code are over at their end, once

    Scenario: A consent for a week
      Given Marie consents to Dr Arnaud for 7 days
      When 8 days go by
      Then the ledger has noted once that a consent ran out
      And what Marie said of Dr Arnaud is "not collected"

    Scenario: A consent that was taken back does not run out
      Given Marie consents to Dr Arnaud for 7 days
      And Marie revokes her consent to Dr Arnaud
      When 8 days go by
      Then the ledger has not noted that a consent ran out

    Scenario: A code that nobody used
      Given Marie is given the code "QUAI-LUNE-2026"
      When 2 days go by
      Then the ledger has noted once that a code ran out

  Rule: O10, an order without an exam is over after a year

    Scenario: Nobody came
      Given Dr Arnaud orders a CT for Marie
      When 366 days go by
      Then the ledger has noted once that an order ran out

    Scenario: The exam was made
      Given Dr Arnaud orders a CT for Marie
      And the exam is made
      When 366 days go by
      Then the ledger has not noted that an order ran out

  Rule: X16, an emergency that nobody closed is closed when it runs out, and waits for a review

    Scenario: Nobody closed it
      Given Dr Arnaud sees Marie in an emergency
      When 1 days go by
      Then the ledger has noted once that an emergency was left open
      And somebody is told that an emergency awaits review

    Scenario: It was closed in time
      Given Dr Arnaud sees Marie in an emergency
      And Dr Arnaud says that it is over
      When 1 days go by
      Then the ledger has not noted that an emergency was left open

  Rule: X17, somebody else reviews it, once

    Scenario: An auditor looks at it
      Given Dr Arnaud sees Marie in an emergency
      And 1 days go by
      When auditor:dpo reviews it
      And auditor:dpo reviews it
      Then the ledger refuses with NothingToReview, rule X17

    Scenario: Not the one who opened it
      Given Dr Arnaud sees Marie in an emergency
      And 1 days go by
      When Dr Arnaud reviews it
      Then the ledger refuses with NothingToReview, rule X17

  Rule: Y1, an operator who drops what a policy gave up says why

    Scenario: No reason is given
      When operator:one drops an entry because " "
      Then the ledger refuses with NoReasonToDrop, rule Y1

    Scenario: It is on record
      When operator:one drops an entry because "the order was entered twice"
      Then the ledger has noted once that an entry was dropped
