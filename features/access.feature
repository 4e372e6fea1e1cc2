Feature: A professional asks to see a record, and the answer is on record
  Every request is decided at once by a numbered rule. A denial is recorded just as a grant is, with who and why,
  so that an auditor sees all who looked and all who were turned away.

  Background:
    Given the establishments CHB and CHP are enrolled
    And Dr Arnaud works for CHP
    And Dr Berger works for CHB
    And CHB knows Marie

  Rule: X1 and X3, who asks is registered and says why

    Scenario: A number that nobody registered
      When rpps:10100000008 asks to see Marie because "follow-up"
      Then the ledger refuses with UnknownProfessional, rule X1
      And no access is on record

    Scenario: No reason
      When Dr Berger asks to see Marie because " "
      Then the ledger refuses with ReasonMissing, rule X3

  Rule: X2, a professional acts from an establishment they work for

    Scenario: Dr Berger speaks for a hospital that is not his
      When Dr Berger of CHP asks to see Marie because "follow-up"
      Then the ledger refuses with NotAffiliated, rule X2

  Rule: X4, a suspended professional is denied, an emergency included

    Scenario: A suspended professional
      Given Dr Berger is suspended
      When Dr Berger asks to see Marie because "follow-up"
      Then access is denied by rule X4

    Scenario: A suspended professional claims an emergency
      Given Dr Berger is suspended
      When Dr Berger asks to see Marie in an emergency because "unconscious"
      Then access is denied by rule X4

  Rule: X5, an opposition wins over care team, consent and code

    Scenario: Marie opposes everyone; her own hospital is denied
      Given Marie opposes consultation by everyone
      When Dr Berger asks to see Marie because "follow-up"
      Then access is denied by rule X5

    Scenario: Marie opposes Dr Arnaud, then gives him a code all the same
      Given Marie opposes consultation by Dr Arnaud
      And Marie is given the code "7GQ4-ZKP2-XA"
      When Dr Arnaud asks to see Marie with the code "7GQ4-ZKP2-XA"
      Then access is denied by rule X5
      And the code is not spent

    @live
    Scenario: The opposition was expressed under another of Marie's identities
      Given CHP knows Marie too, and the two are one person
      And Marie at CHP opposes consultation by Dr Berger
      When Dr Berger asks to see Marie because "follow-up"
      Then access is denied by rule X5

    Scenario: Marie opposes one establishment; the professional also works for another that knows her
      Given Dr Berger also works for CHP
      And Marie opposes consultation by CHP
      When Dr Berger asks to see Marie because "follow-up"
      Then access is granted on the ground of the care team at CHB by rule X6

  Rule: X6, inside the care team consultation is presumed

    Scenario: Marie's own hospital
      When Dr Berger asks to see Marie because "follow-up"
      Then access is granted on the ground of the care team at CHB by rule X6
      And access ends after 24 hours

    Scenario: The other hospital knows Marie as well
      Given CHP knows Marie too, and the two are one person
      When Dr Arnaud asks to see Marie because "follow-up"
      Then access is granted on the ground of the care team at CHP by rule X6

    Scenario: After an unmerge the other hospital does not know her any more
      Given CHP knows Marie too, and the two are one person
      And the two are unmerged again
      When Dr Arnaud asks to see Marie because "follow-up"
      Then access is denied by rule X9

  Rule: X7, outside the care team a consent grants

    @live
    Scenario: Marie consented to Dr Arnaud
      Given Marie consents to Dr Arnaud
      When Dr Arnaud asks to see Marie because "second opinion"
      Then access is granted on the ground of consent by rule X7

    Scenario: Marie consented to the establishment
      Given Marie consents to CHP
      When Dr Arnaud asks to see Marie because "second opinion"
      Then access is granted on the ground of consent by rule X7

    Scenario: No access outlives the consent it rests on
      Given Marie consents to Dr Arnaud for 0.5 days
      When Dr Arnaud asks to see Marie because "second opinion"
      Then access ends after 12 hours

  Rule: X8, so does a one-time code, once

    @live
    Scenario: Marie hands over a code
      Given Marie is given the code "7GQ4-ZKP2-XA"
      When Dr Arnaud asks to see Marie with the code "7gq4 zkp2 xa"
      Then access is granted on the ground of code by rule X8
      And the code is spent

    Scenario: The code is used a second time
      Given Marie is given the code "7GQ4-ZKP2-XA"
      And Dr Arnaud asks to see Marie with the code "7GQ4-ZKP2-XA"
      When Dr Arnaud asks to see Marie with the code "7GQ4-ZKP2-XA"
      Then access is denied by rule X8

    Scenario: The code is too old
      Given Marie is given the code "7GQ4-ZKP2-XA"
      When 2 days pass
      And Dr Arnaud asks to see Marie with the code "7GQ4-ZKP2-XA"
      Then access is denied by rule X8

    Scenario: A guessed code
      Given Marie is given the code "7GQ4-ZKP2-XA"
      When Dr Arnaud asks to see Marie with the code "AAAA-AAAA-AA"
      Then access is denied by rule X8

  Rule: X9, nothing collected is neither yes nor no

    Scenario: Outside the care team, and nobody asked Marie
      When Dr Arnaud asks to see Marie because "second opinion"
      Then access is denied by rule X9

  Rule: Who asked is on record for the person that Marie was then

    @live
    Scenario: The request was made while two identities were one person
      Given CHP knows Marie too, and the two are one person
      And Dr Arnaud asks to see Marie because "follow-up"
      When the two are unmerged again
      Then 1 request of Dr Arnaud is on record for Marie
      And 1 request of Dr Arnaud is on record for Marie at CHP

    Scenario: The request was made before two identities were one person
      Given Dr Berger asks to see Marie because "follow-up"
      When CHP knows Marie too, and the two are one person
      And the two are unmerged again
      Then 1 request of Dr Berger is on record for Marie
      And 0 requests of Dr Berger are on record for Marie at CHP

  Rule: X10, an emergency goes past consent and opposition for a short time, in plain sight

    Scenario: Break the glass against an opposition
      Given Marie opposes consultation by everyone
      When Dr Arnaud asks to see Marie in an emergency because "unconscious"
      Then access is opened as an emergency by rule X10
      And access ends after 4 hours

    @live
    Scenario: The emergency is closed once
      Given Dr Arnaud asks to see Marie in an emergency because "unconscious"
      And Dr Arnaud closes the emergency
      When Dr Arnaud closes the emergency
      Then the ledger refuses with NoOpenEmergency, rule X10

    Scenario: Only the one who opened it closes it
      Given Dr Arnaud asks to see Marie in an emergency because "unconscious"
      When Dr Berger closes the emergency
      Then the ledger refuses with NoOpenEmergency, rule X10

    Scenario: A granted access is no emergency
      Given Dr Berger asks to see Marie because "follow-up"
      When Dr Berger closes the emergency
      Then the ledger refuses with NoOpenEmergency, rule X10
