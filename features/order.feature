Feature: An exam is ordered, presented, scheduled, made and reported
  A clinician asks for an exam with a question. The person may bring the order to any establishment of the region,
  which then schedules it. In an emergency the exam is made straight away.

  Background:
    Given the establishments CHB and CHP are enrolled
    And the clinician 10101201233 orders at CHB a CT for Zoé

  Rule: O1, an order is possible

    Scenario: An urgency that does not exist
      When the clinician 10101201233 orders a CT that is wanted SOONISH
      Then the ledger refuses with BadOrder, rule O1

  Rule: O2, a suspended professional orders nothing

    Scenario: A clinician who left the register
      Given the clinician 10101201233 is suspended
      When the clinician 10101201233 orders a CT that is wanted STAT
      Then the ledger refuses with OrdererSuspended, rule O2

  Rule: O3, a site uses a number once

    Scenario: The ward's system sends the order twice, under two messages
      When the same order is placed again
      Then the ledger refuses with OrderKnown, rule O3

  Rule: O4, the order is scheduled where it was placed or presented

    @live
    Scenario: The person brings the order to another establishment
      Given the order is presented at CHP
      When CHP schedules it under the accession ACC-1
      Then the order is scheduled at CHP under the accession ACC-1

    Scenario: An establishment that never saw the order
      When CHP schedules it under the accession ACC-1
      Then the ledger refuses with OrderElsewhere, rule O4

  Rule: O5, a step changes something

    Scenario: The same appointment twice
      Given CHB schedules it under the accession ACC-1
      When CHB schedules it under the accession ACC-1
      Then the ledger refuses with OrderUnchanged, rule O5

    @live
    Scenario: Another appointment
      Given CHB schedules it under the accession ACC-1
      When CHB schedules it under the accession ACC-2
      Then the order is scheduled at CHB under the accession ACC-2

  Rule: O6, nothing follows a cancelled order

    Scenario: A cancelled order is scheduled
      Given the order is cancelled because "the person recovered"
      When CHB schedules it under the accession ACC-1
      Then the ledger refuses with OrderCancelled, rule O6
      And the order is cancelled

  Rule: O7, an exam that was made is not cancelled

    @live
    Scenario: The cancellation comes too late
      Given the exam is made
      When the order is cancelled because "the person recovered"
      Then the ledger refuses with OrderPerformed, rule O7
      And the order is performed

  Rule: O8, a result needs an exam

    @live
    Scenario: An emergency: no appointment, and yet an exam and its report
      Given the exam is made
      When the exam is reported
      Then the order shows its exam and its report, and no appointment

    Scenario: A report for an exam that nobody made
      When the exam is reported
      Then the ledger refuses with OrderNotPerformed, rule O8
