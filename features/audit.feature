Feature: An auditor asks who was whom, who looked, and what was known on any day
  The answers come from the ledger's own events, not from what the screens show today. Asking is an access too: the
  question is on record, with who asked and why, before it is answered.

  Background:
    Given CHB and CHP each know a Marie Fictive

  Rule: Every statement about a person is told, with who was one person before and after

    Scenario: A merge that was taken back
      Given the two are merged because "same name and birth date"
      And the two are unmerged because "twin sisters"
      When the auditor asks for the history of Marie at CHB
      Then a merge because "same name and birth date" made 1 person of 2
      And an unmerge because "twin sisters" made 2 persons of 1

    Scenario: A study that was passed on
      Given CHB receives a study of Marie
      And that study is reassigned to Marie at CHP because "wrong bracelet"
      When the auditor asks for the history of Marie at CHB
      Then a reassignment because "wrong bracelet" is told

  Rule: Each access tells on which ground it was opened, and what lay open

    Scenario: What comes in while a record is open lay open too
      Given Dr Berger of CHB opens the record of Marie at CHB
      And CHB receives a study of Marie
      When the auditor asks who had access to Marie at CHB
      Then 1 access of Dr Berger on the ground of the care team is told, with 1 study

    Scenario: A denied request showed nothing
      Given CHB receives a study of Marie
      And Dr Arnaud of CHP opens the record of Marie at CHB
      When the auditor asks who had access to Marie at CHB
      Then 1 denied request of Dr Arnaud is told

    Scenario: A closed emergency did not show what came later
      Given Dr Arnaud of CHP opens the record of Marie at CHB in an emergency
      And Dr Arnaud closes the emergency
      And CHB receives a study of Marie
      When the auditor asks who had access to Marie at CHB
      Then 1 access of Dr Arnaud on the ground of an emergency is told, with 0 studies

  Rule: X11, who asks is on record before the answer

    Scenario: The question of yesterday
      Given the auditor asks for the history of Marie at CHB because "complaint 12"
      When the auditor asks who had access to Marie at CHB
      Then 1 question of the auditor because "complaint 12" is told

    Scenario: No reason, no answer
      When the auditor asks for the history of Marie at CHB because " "
      Then the auditor is refused by rule X3

  Rule: Any day is answered as a reader saw it on that day

    Scenario: While the two were one person
      Given the two are merged because "same name and birth date"
      And CHP receives a study of Marie
      And this moment is remembered
      And the two are unmerged because "twin sisters"
      When the auditor asks for Marie at CHB as of the moment remembered
      Then the record showed 1 study, and 2 identities

    Scenario: Today
      Given the two are merged because "same name and birth date"
      And CHP receives a study of Marie
      And the two are unmerged because "twin sisters"
      And this moment is remembered
      When the auditor asks for Marie at CHB as of the moment remembered
      Then the record showed 0 studies, and 1 identity

    Scenario: An erased person stays erased on every day
      Given this moment is remembered
      And Marie at CHB is erased
      When the auditor asks for Marie at CHB as of the moment remembered
      Then her name reads "[erased]"

  Rule: After an unmerge it is known who saw whose data

    Scenario: The clinician of the one saw the other's study as hers
      Given CHP receives a study of Marie
      And the two are merged because "same name and birth date"
      And Dr Berger of CHB opens the record of Marie at CHB
      And the two are unmerged because "twin sisters"
      When the auditor asks who saw data of the one as the other's
      Then Dr Berger saw 1 study of Marie at CHP as of Marie at CHB

    Scenario: Who looked after the unmerge saw nothing of the other
      Given CHP receives a study of Marie
      And the two are merged because "same name and birth date"
      And the two are unmerged because "twin sisters"
      And Dr Berger of CHB opens the record of Marie at CHB
      When the auditor asks who saw data of the one as the other's
      Then nobody did
