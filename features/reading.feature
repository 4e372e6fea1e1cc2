Feature: An establishment asks another to read a study
  At night one radiologist may be on duty for several establishments. The request names the study, the question and
  who is asked; the answer is a report, or a refusal with its reason.

  Background:
    Given the radiologist 10101205671 works for CHP
    And CHB has sent a study

  Rule: R1, one establishment asks another

    Scenario: An establishment asks itself
      When CHB asks CHB to read it
      Then the ledger refuses with SameSite, rule R1
      And the record shows no reading

  Rule: R2, a withdrawn study is not read

    Scenario: The study was withdrawn meanwhile
      Given the study is withdrawn
      When CHB asks CHP to read it
      Then the ledger refuses with StudyWithdrawn, rule S3

  Rule: R3, an establishment is asked again only once it has answered

    Scenario: The request is sent twice
      Given CHB asks CHP to read it
      When CHB asks CHP to read it
      Then the ledger refuses with ReadingOpen, rule R3

    @live
    Scenario: After a refusal it can be asked again
      Given CHB asks CHP to read it
      And the reading is declined because "no one on duty"
      When CHB asks CHP to read it
      Then the record shows one reading declined and one requested

  Rule: R4, readers work for the establishment that was asked, and are not suspended

    Scenario: A radiologist of another establishment
      Given the radiologist 10101201233 works for CHB
      And CHB asks CHP to read it
      When 10101201233 accepts the reading
      Then the ledger refuses with ReaderNotEntitled, rule R4

    Scenario: A suspended radiologist
      Given CHB asks CHP to read it
      And 10101205671 is suspended
      When 10101205671 accepts the reading
      Then the ledger refuses with ReaderNotEntitled, rule R4

  Rule: R5 and R6, a reading is accepted once, then reported once

    @live
    Scenario: The usual course
      Given CHB asks CHP to read it
      And 10101205671 accepts the reading
      When 10101205671 reports "no haemorrhage"
      Then the record shows that 10101205671 of CHP reported "no haemorrhage"

    Scenario: Two radiologists accept
      Given CHB asks CHP to read it
      And 10101205671 accepts the reading
      When 10101205671 accepts the reading
      Then the ledger refuses with ReadingAnswered, rule R5

    Scenario: A report that nobody accepted to make
      Given CHB asks CHP to read it
      When 10101205671 reports "no haemorrhage"
      Then the ledger refuses with ReadingNotAccepted, rule R6
      And the record shows that the reading is requested

  Rule: R7, declining needs a reason

    Scenario: Declined without a word
      Given CHB asks CHP to read it
      When the reading is declined because " "
      Then the ledger refuses with ReadingNeedsReason, rule R7
