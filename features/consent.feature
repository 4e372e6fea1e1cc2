Feature: A person says who may see their record
  A person consents to someone, takes that back, opposes someone or everyone, or hands over a one-time code.
  What was never collected counts as neither yes nor no.

  Background:
    Given the establishments CHB and CHP are enrolled
    And Dr Arnaud works for CHP
    And CHB knows Marie

  Rule: What was not collected is neither yes nor no

    Scenario: Nobody asked Marie yet
      Then what Marie said of Dr Arnaud is "not collected"

    @live
    Scenario: Marie consents
      When Marie consents to Dr Arnaud
      Then what Marie said of Dr Arnaud is "yes"
      And consultation of Marie's record is consented

    @live
    Scenario: Marie takes her consent back
      Given Marie consents to Dr Arnaud
      When Marie revokes her consent to Dr Arnaud
      Then what Marie said of Dr Arnaud is "not collected"

    Scenario: A consent runs out by itself
      Given Marie consents to Dr Arnaud for 7 days
      When 8 days pass
      Then what Marie said of Dr Arnaud is "not collected"

    Scenario: Marie opposes everyone, without a reason
      When Marie opposes consultation by everyone
      Then what Marie said of Dr Arnaud is "no"
      And consultation of Marie's record is opposed

  Rule: C1, a statement names someone whom the directory knows

    Scenario: Consent to a number that nobody registered
      When Marie consents to rpps:10100000008
      Then the ledger refuses with UnknownParty, rule C1

    Scenario: Consent is given to someone, never to everyone
      When Marie consents to everyone
      Then the ledger refuses with UnknownParty, rule C1

  Rule: C2, a statement changes something

    Scenario: The same consent is not given twice
      Given Marie consents to Dr Arnaud
      When Marie consents to Dr Arnaud
      Then the ledger refuses with StatementUnchanged, rule C2

    Scenario: What was never given is not taken back
      When Marie revokes her consent to Dr Arnaud
      Then the ledger refuses with StatementUnchanged, rule C2

  Rule: C3, an opposition is lifted before consent is given to the same party

    Scenario: Marie opposes Dr Arnaud, then consents to him
      Given Marie opposes consultation by Dr Arnaud
      When Marie consents to Dr Arnaud
      Then the ledger refuses with StillOpposed, rule C3

    @live
    Scenario: Marie lifts her opposition, then consents
      Given Marie opposes consultation by Dr Arnaud
      And Marie lifts her opposition to consultation by Dr Arnaud
      When Marie consents to Dr Arnaud
      Then what Marie said of Dr Arnaud is "yes"

  Rule: C4, opposition to feeding needs a legitimate reason (CSP R1111-47)

    Scenario: Opposition to feeding without a reason
      When Marie opposes feeding by CHP
      Then the ledger refuses with NoLegitimateReason, rule C4

    @live
    Scenario: Opposition to feeding with a reason
      When Marie opposes feeding by CHP because "a relative works there"
      Then feeding of Marie's record is opposed
      And consultation of Marie's record is not collected

  Rule: C5, a consent ends in the future and its exclusions can be understood

    Scenario: A consent that is over before it begins
      When Marie consents to Dr Arnaud for -1 days
      Then the ledger refuses with BadLimit, rule C5

    Scenario: A consent that leaves out one study
      When Marie consents to Dr Arnaud but not to study:1.2.840.99.1
      Then what Marie consented to leaves out study:1.2.840.99.1

    Scenario: An exclusion that nobody can apply
      When Marie consents to Dr Arnaud but not to everything-embarrassing
      Then the ledger refuses with BadLimit, rule C5

  Rule: C6, a code has at least 8 signs and is stored nowhere

    Scenario: A code that could be guessed
      When Marie is given the code "1234"
      Then the ledger refuses with BadCode, rule C6

    Scenario: The log holds no code
      When Marie is given the code "7GQ4-ZKP2-XA"
      Then the log holds the text "7GQ4ZKP2XA" nowhere

  Rule: Reasons are sealed under the person's key

    @live
    Scenario: Marie's words cannot be read in the log
      When Marie opposes feeding by CHP because "a relative works there"
      Then the log holds the text "a relative works there" nowhere
