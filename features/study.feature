Feature: A study stays with the identity it came in under, until somebody says otherwise
  A study arrives in batches. Each is recorded once with a list of what it held; nothing is overwritten, and what was
  withdrawn stays in the history.

  Background:
    Given CHB knows Zoé and Paul
    And CHB sends a study of 120 images for Zoé

  Rule: S1, studies come from enrolled establishments

    Scenario: A stranger sends a study
      When NOWHERE sends a study of 3 images for Zoé
      Then the ledger refuses with UnknownSite, rule S1

  Rule: S2, a batch adds something, and what came before stands

    @live
    Scenario: The rest of the study comes later
      When CHB sends 30 more images of the study
      Then the record of Zoé shows a study of 150 images
      And the log holds batches of 120 and 30 images

    Scenario: The same images again
      When CHB sends 0 more images of the study
      Then the ledger refuses with NothingNew, rule S2
      And the record of Zoé shows a study of 120 images

  Rule: S3, nothing is added to a withdrawn study

    @live
    Scenario: A study that was withdrawn is sent again
      Given the study is withdrawn because "test exposure"
      When CHB sends 30 more images of the study
      Then the ledger refuses with StudyWithdrawn, rule S3
      And the record of Zoé shows no study, and tells of 1 withdrawn

  Rule: S4, a study made under the wrong identity is reassigned, and its dose follows

    @live
    Scenario: The wrong person was chosen on the worklist
      Given the study has a dose report
      When the study is reassigned to Paul because "wrong person on the worklist"
      Then the study and its dose are Paul's

    Scenario: It is reassigned twice
      Given the study is reassigned to Paul because "wrong person on the worklist"
      When the study is reassigned to Paul because "sent again"
      Then the ledger refuses with AlreadyThere, rule S4

  Rule: S6, a study that moves by hand loses no protection in silence

    Scenario: The person under whose number it came in refused that anybody sees their record
      Nobody said yet whose refusal that is: Zoé's, or Paul's, who was taken for Zoé.
      Given Zoé opposes that anybody sees their record
      When the study is reassigned to Paul because "wrong person on the worklist"
      Then the ledger refuses with ProtectionInDoubt, rule S6: "ask whose that is, then say --protects former"
      And the study is Zoé's

    Scenario: It was Zoé who refused
      Given Zoé opposes that anybody sees their record
      When the study is reassigned to Paul, and what protects Zoé protects the former
      Then the study is Paul's
      And Zoé alone opposes that anybody sees their record

    Scenario: Nobody knows who refused
      Given Zoé opposes that anybody sees their record
      And a legal hold is placed on Zoé
      When the study is reassigned to Paul, and what protects Zoé protects both
      Then the study is Paul's
      And Zoé and Paul oppose that anybody sees their record
      And Zoé and Paul are held, and flagged statements_of_two
      And the answer names opposition:consult:everyone and hold:case 26/00007 as for both

    Scenario: It was said elsewhere, for another number of that person
      Given Zoé is one person with Zoé of CHP, who opposes that anybody sees their record
      When the study is reassigned to Paul because "wrong person on the worklist"
      Then the ledger refuses with ProtectionInDoubt, rule S6

    Scenario: A consent leaves something out
      Given Zoé consents to CHP, but for another study
      When the study is reassigned to Paul because "wrong person on the worklist"
      Then the ledger refuses with ProtectionInDoubt, rule S6

    Scenario: The other one refuses as much
      Given Zoé opposes that CHP sees their record
      And Paul opposes that anybody sees their record
      When the study is reassigned to Paul because "wrong person on the worklist"
      Then the study is Paul's

    Scenario: The two are one person
      Given Zoé opposes that anybody sees their record
      And Zoé and Paul are one person
      When the study is reassigned to Paul because "wrong person on the worklist"
      Then the study is Paul's

    Scenario: A legal hold may be of that study
      Given a legal hold is placed on Zoé
      When the study is reassigned to Paul because "wrong person on the worklist"
      Then the ledger refuses with ProtectionInDoubt, rule S6

    Scenario: It goes back to whom it was taken from
      Given Zoé opposes that anybody sees their record
      And the study is reassigned to Paul, and what protects Zoé protects both
      When the study is reassigned to Zoé because "it was right as it was"
      Then the study is Zoé's
      And Zoé and Paul oppose that anybody sees their record

    Scenario: What came in under the right person is accepted
      Given the images come again as Paul's
      And Zoé opposes that anybody sees their record
      When the conflict is accepted because "wrong person on the worklist"
      Then the ledger refuses with ProtectionInDoubt, rule S6
      And the study is Zoé's

    Scenario: It is accepted, and protects both
      Given the images come again as Paul's
      And Zoé opposes that anybody sees their record
      When the conflict is accepted, and what protects Zoé protects both
      Then the study is Paul's
      And Zoé and Paul oppose that anybody sees their record

  Rule: S5, what comes in with other content waits for somebody, and is settled once

    Scenario: The images come again under the right person
      Given the images come again as Paul's
      When the conflict is accepted because "wrong person on the worklist"
      Then the study and its dose are Paul's
      And no conflict waits

    Scenario: The images come again with a typing error
      Given the images come again as Paul's
      When the conflict is dismissed because "a typing error"
      Then the study and its dose are Zoé's
      And no conflict waits

    Scenario: They come again and again
      Given the images come again as Paul's
      When the images come again as Paul's
      Then 1 conflict waits: another patient

    Scenario: Two clerks settle it
      Given the images come again as Paul's
      And the conflict is dismissed because "a typing error"
      When the same conflict is accepted because "wrong person on the worklist"
      Then the ledger refuses with ConflictSettled, rule S5
