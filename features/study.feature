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
