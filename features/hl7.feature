Feature: A hospital's own system says who its patients are
  CHB's system sends HL7 messages. Each is stored before it is answered, and an answer names what is wrong in the
  message. Nobody is written over somebody else, and nothing that is said twice is stored twice.

  Background:
    Given CHB's system is known
    And it registers Marie Fictive, born 19500312, under number 1

  @live
  Scenario: A patient is registered and corrected
    When it corrects number 1 to Marie Fictive, born 19500313
    Then it is answered AA
    And number 1 is Marie Fictive, born 1950-03-13

  Scenario: A message that had no answer is sent again
    When it sends its last message again
    Then it is answered AA
    And nothing new is in the ledger

  Scenario: A message id is used for two messages
    When it sends another message under the id of the last one
    Then it is answered AE at MSH-10
    And nothing new is in the ledger

  Scenario: A birth date that cannot be
    When it corrects number 1 to Marie Fictive, born 20800101
    Then it is answered AE at PID-7
    And nothing new is in the ledger

  Scenario: A number that is in use for somebody else
    When it registers Paul Inventé, born 19881224, under number 1
    Then it is answered AA
    And number 1 is Marie Fictive, born 1950-03-12
    And number 1#2 is Paul Inventé, born 1988-12-24
    And number 1#2 is flagged collision

  Rule: I4, a message that says more than is sure is stored as far as it is sure

    Scenario: A child comes under a parent's matricule, and the message says qualified
      When it registers Léa Fictive, born 20091120, under number 5 with the matricule 279035121518989 as QUAL
      Then it is answered AA with a note: "the matricule is in doubt, and a clerk checks it"
      And number 5 has the status VALI
      And number 5 is flagged ins_doubtful
      And number 5 waits for a human

    Scenario: Another matricule comes for a qualified patient
      Given it registers Zoé Fictive, born 19790305, under number 5 with the matricule 279035121518989 as QUAL
      And number 5 has the status QUAL
      When it corrects Zoé Fictive, born 19790305, under number 5 with the matricule 279035121519088 as QUAL
      Then it is answered AA with a note: "the matricule is in doubt, and a clerk checks it"
      And number 5 has the status VALI
      And number 5 is flagged ins_replaced
      And number 5 waits for a human

  Rule: Of two numbers of one person, one is kept

    Background:
      Given it registers Marie Fictive, born 19500312, under number 2

    Scenario: The second number is given up
      When it keeps number 1 and gives up number 2
      Then it is answered AA
      And numbers 1 and 2 are one person

    Scenario: The same is said again, and then the other way round
      Given it keeps number 1 and gives up number 2
      When it keeps number 1 and gives up number 2
      Then it is answered AA
      And nothing new is in the ledger
      When it keeps number 2 and gives up number 1
      Then it is answered AA with a note: "a clerk asks which is in use"
      And numbers 1 and 2 are one person
      And number 1 is flagged number_swapped
      When it keeps number 2 and gives up number 1
      Then nothing new is in the ledger
      When it keeps number 1 and gives up number 2
      Then it is answered AA
      And nothing new is in the ledger

    Scenario: A number is given up for itself
      When it keeps number 1 and gives up number 1
      Then it is answered AE at MRG-1
      And nothing new is in the ledger

    Scenario: Numbers are given up in a circle
      Given it registers Marie Fictive, born 19500312, under number 3
      And it keeps number 1 and gives up number 2
      And it keeps number 2 and gives up number 3
      When it keeps number 3 and gives up number 1
      Then it is answered AA
      And numbers 1 and 2 are one person
      And numbers 1 and 3 are one person
      When it keeps number 3 and gives up number 1
      Then it is answered AA
      And nothing new is in the ledger

    Scenario: The two are told apart again
      Given it links numbers 1 and 2
      When it unlinks numbers 1 and 2
      Then it is answered AA
      And numbers 1 and 2 are two people

    Scenario: Two whose birth dates differ
      Given it corrects number 2 to Marie Fictive, born 19720101
      When it keeps number 1 and gives up number 2
      Then it is answered AA
      And numbers 1 and 2 are two people
      And numbers 1 and 2 wait for a human

  Rule: A system that asks is told what the ledger holds now, and that it asked is on record

    Background:
      Given it registers Marie Fictive, born 19500312, under number 2

    Scenario: Two numbers become one patient's, and are told apart again
      When it asks which other numbers the patient of number 1 has
      Then it is answered AA with nobody
      Given it links numbers 1 and 2
      When it asks which other numbers the patient of number 1 has
      Then it is told number 2
      And it is on record that it asked
      Given it unlinks numbers 1 and 2
      When it asks which other numbers the patient of number 1 has
      Then it is answered AA with nobody

    Scenario: A merge that waits for a human is not told
      Given it corrects number 2 to Marie Fictive, born 19720101
      And it keeps number 1 and gives up number 2
      When it asks which other numbers the patient of number 1 has
      Then it is answered AA with nobody

    Scenario: A number that nobody bears, and one that two people bear
      When it asks which other numbers the patient of number 9 has
      Then it is answered AE at QPD-3
      And nothing new is in the ledger
      Given it registers Paul Inventé, born 19881224, under number 1
      When it asks which other numbers the patient of number 1 has
      Then it is answered AE at QPD-3
      And nothing new is in the ledger

    Scenario: A patient is looked for
      Given it links numbers 1 and 2
      When it asks for Fictive, born 19500312
      Then it is told numbers 1 and 2 of one patient
      And it is on record that it asked
      When it asks for Fictive, born 19880101
      Then it is answered AA with nobody

    Scenario: A search that says too little
      When it asks for whoever is a woman
      Then it is answered AE at QPD-3
      And nothing new is in the ledger

    Scenario: A patient who was erased
      Given it links numbers 1 and 2
      And the patient of number 2 is erased
      When it asks which other numbers the patient of number 1 has
      Then it is answered AA with nobody
      When it asks which other numbers the patient of number 2 has
      Then it is answered AE at QPD-3
      When it asks for Fictive, born 19500312
      Then it is told number 1
