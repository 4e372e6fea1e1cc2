Feature: What waits for a clerk is postponed and shared out
  What a clerk cannot decide today leaves the list until a day, and one clerk may be asked to decide. Both are
  statements with a reason, and another statement takes them back.

  Background:
    Given CHB and CHP each know a Marie Fictive, and a rule proposes the two

  Rule: L10, what waits is postponed or assigned; a decision ends both

    Scenario: Papers are awaited
      When the pair is postponed for 7 days because "papers are awaited"
      Then nobody is asked about the pair

    Scenario: The day has come
      Given the pair is postponed for 7 days because "papers are awaited"
      When 8 days pass
      Then a clerk is asked about the pair

    Scenario: The papers came early
      Given the pair is postponed for 7 days because "papers are awaited"
      When the pair is put back because "papers came"
      Then a clerk is asked about the pair

    Scenario: A pair is given to a clerk, and then to nobody
      Given the pair is given to clerk:martin because "knows the ward"
      And the pair is given to nobody because "on leave"
      When the pair is given to nobody because "on leave still"
      Then the ledger refuses with NothingToChange, rule L2: "is nobody's already"

    Scenario: A decision ends the postponement, and who was to decide
      Given the pair is given to clerk:martin because "knows the ward"
      And the pair is postponed for 7 days because "papers are awaited"
      And the pair is barred, the bar is lifted, and the rule proposes it again
      Then a clerk is asked about the pair
      When the pair is given to nobody because "to be sure"
      Then the ledger refuses with NothingToChange, rule L2: "is nobody's already"

    Scenario: A pair that is decided
      Given the pair is dismissed because "twins"
      When the pair is postponed for 7 days because "papers are awaited"
      Then the ledger refuses with NothingWaits, rule L10: "do not wait for a decision"

    Scenario: Two people under one number wait though nobody proposed them
      Given CHB gave one number to two people
      When the two are postponed for 7 days because "the desk is asked"
      Then nobody is asked about the two

    Scenario: One identity may hold two people, and the desk is asked
      Given CHB received two birth dates under one number
      When that identity is postponed for 7 days because "the desk is asked"
      Then nobody is asked about that identity
      When 8 days pass
      Then a clerk is asked about that identity

    Scenario: The desk answered at once
      Given CHB received two birth dates under one number
      And that identity is postponed for 7 days because "the desk is asked"
      When that identity is put back because "the desk answered"
      Then a clerk is asked about that identity

    Scenario: CHB kept one of two numbers, and then the other
      Given CHB kept number 1 for number 2, and then number 2 for number 1
      And that identity is given to clerk:martin because "knows the ward"
      And that identity is postponed for 7 days because "the ward is asked"
      Then nobody is asked about that identity

    Scenario: Another doubt asks afresh
      Given CHB kept number 1 for number 2, and then number 2 for number 1
      And that identity is given to clerk:martin because "knows the ward"
      And that identity is postponed for 7 days because "the ward is asked"
      And it is flagged ins_left_out because "came in with a wrong key"
      Then a clerk is asked about that identity
      When that identity is given to nobody because "to be sure"
      Then the ledger refuses with NothingToChange, rule L2: "is nobody's already"

    Scenario: Two things wait of one identity
      Given CHB received two birth dates under one number
      And it is flagged ins_left_out because "came in with a wrong key"
      When that identity is postponed for 7 days because "the desk is asked"
      Then the ledger refuses with NothingWaits, rule L10: "say which, --kind collision or --kind doubtful-number"
      When its doubtful-number is postponed for 7 days because "INSi is asked"
      And its collision is postponed for 7 days because "the desk is asked"
      Then nobody is asked about that identity

    Scenario: It is settled
      Given CHB received two birth dates under one number
      And its flag traits_differ is cleared because "a slip"
      When that identity is postponed for 7 days because "the desk is asked"
      Then the ledger refuses with NothingWaits, rule L10: "a pair is named by both identities"

  Rule: L11, not for ever

    Scenario: A day that is over
      When the pair is postponed for -1 days because "a slip"
      Then the ledger refuses with BadDelay, rule L11

    Scenario: In two years
      When the pair is postponed for 730 days because "not now"
      Then the ledger refuses with BadDelay, rule L11: "a year ahead at most"

  Rule: W2, only a clerk decides

    Scenario: A pair is given to an auditor
      When the pair is given to auditor:one because "knows the law"
      Then the ledger refuses with NotForRole, rule W2
